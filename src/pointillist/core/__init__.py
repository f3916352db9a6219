"""The words that every other floor is written in; this floor imports none of them."""
