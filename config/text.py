def printable(text: str, length: int) -> str:
    """Text of a caller's as the database takes it: without NUL, surrogates and the like, and not endless."""
    return "".join(character for character in text[:length] if character.isprintable())
