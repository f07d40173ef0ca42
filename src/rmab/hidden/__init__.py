"""Arms whose state is not seen: what is known about them, and the ordinary arm that their beliefs make."""
