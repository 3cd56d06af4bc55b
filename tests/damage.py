"""What happens to files: bytes flipped or zeroed, a file cut off or emptied."""

MADE_AGAIN = "; delete it and run the same command again: it is made again"


def inverted(content, place, length=8):
    """Bytes from a place on with every bit flipped."""
    return content[:place] + bytes(255 - byte for byte in content[place : place + length]) + content[place + length :]


def zeroed(content, place, length=64):
    return content[:place] + bytes(len(content[place : place + length])) + content[place + length :]


DAMAGE = {
    "flipped at the start": lambda content: inverted(content, 0),
    "flipped in the middle": lambda content: inverted(content, len(content) // 2),
    "flipped at the end": lambda content: inverted(content, len(content) - 8),
    "zeroed in the middle": lambda content: zeroed(content, len(content) // 2),
    "zeroed throughout": lambda content: bytes(len(content)),
    "cut to half": lambda content: content[: len(content) // 2],
    "without its last byte": lambda content: content[:-1],
    "emptied": lambda content: b"",
}


def is_one_line_about(error, path):
    """Whether an error is a line that names a file and says what to do."""
    line = str(error)
    return line.startswith(f"{path}: ") and len(line.splitlines()) == 1 and line.endswith(MADE_AGAIN)
