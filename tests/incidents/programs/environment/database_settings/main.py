from settings import Database


def connect(**overrides):
    database = overrides.get("database") or Database.from_environment()
    return f"would connect to {database.host}, port {database.port}"


if __name__ == "__main__":
    print(connect())
