"""What the bootstrap furnishes the house with, made from settings.

Beside the examinations these are the only files that name concrete adapters. Everything in them is
lazy: importing one must not import an SDK, and making a port opens no connection.
"""
