# Why something is refused: in English the operation itself says it, with names and numbers.
