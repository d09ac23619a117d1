"""A language model of a million random weights, made here in two seconds: for tests of the real engine, where nothing can be downloaded.

    python tiny_model.py FOLDER

Run by the engine's environment. The tokenizer is trained on Python's own library; what the model says means nothing, but under a JSON
schema it is valid.
"""

import os
import sys
import sysconfig
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

CONTEXT = 16_384
END, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHAT = (
    f"{{% for m in messages %}}{START}{{{{ m['role'] }}}}\n{{{{ m['content'] }}}}{STOP}\n{{% endfor %}}"
    f"{{% if add_generation_prompt %}}{START}assistant\n{{% endif %}}"
)


def tokenizer() -> PreTrainedTokenizerFast:
    bytewise = Tokenizer(models.BPE())
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    texts = sorted(str(path) for path in Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:120]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bytewise.train(
        texts,
        trainers.BpeTrainer(
            vocab_size=4096, special_tokens=[END, START, STOP], initial_alphabet=alphabet, show_progress=False
        ),
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=bytewise, eos_token=STOP, pad_token=END, model_max_length=CONTEXT)
    fast.chat_template = CHAT
    return fast


def main(folder: str) -> None:
    words = tokenizer()
    words.save_pretrained(folder)
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=(len(words) + 63) // 64 * 64,
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
            initializer_range=0.05,
        )
    )
    model.generation_config.eos_token_id = words.eos_token_id
    model.save_pretrained(folder)


if __name__ == "__main__":
    main(sys.argv[1])
