"""What a deploy would change, subject by subject. Pure."""
