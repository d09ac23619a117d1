from banner import banner

if __name__ == "__main__":
    print(banner())
