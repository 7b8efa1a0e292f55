"""`deploy`, `rollback`, `releases`, `env`: a release is put on the server and proves itself."""
