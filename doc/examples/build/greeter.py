"""The program: greets somebody in a language that the application has messages for."""

import json
import pkgutil
import sys


def main():
    language, name = sys.argv[1:]
    messages = json.loads(pkgutil.get_data("messages", f"{language}.json"))
    print(messages["hello"].format(name=name))
