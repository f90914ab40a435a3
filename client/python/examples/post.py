"""Posts one sealed reading: post.py GATEWAY DEVICE TOKEN NETWORK SEED_FILE STREAM READING"""

import sys

from weft_client import Device

gateway, name, token, network, seed_file, stream, reading = sys.argv[1:]
device = Device(seed_file, gateway, name, token, network)
device.register()
print(device.post(stream, reading))
