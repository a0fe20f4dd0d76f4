"""Contacts, wrenches and slip."""
