"""The service as it is run: processes of their own that answer over sockets and send mails to a server."""
