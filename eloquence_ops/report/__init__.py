"""What people and programs read: one renderer a format, all of one `Account`."""
