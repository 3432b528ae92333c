"""Room: config.local. Brings Penumbra up on one Debian or Ubuntu machine: packages, environment, private servers, processes.

Run as `python3 -m config.local`, with the machine's own Python (3.11 or later), before any environment exists: it may
import the standard library only, and nothing of the project.
"""
