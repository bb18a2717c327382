"""Stores for what subjects have done: each gives policy's Ledger, and nothing that decides.

A store keeps bytes and hashes; what they mean is policy's alone.
"""
