"""A `docker run` as somebody types it into a shell -> what it says of the container."""

from calico_agent.adopt.command_word import Word, source_of
from calico_agent.adopt.described import Described, NotTakenOver
from calico_agent.adopt.docker.docker_call import docker_call, not_followed
from calico_agent.adopt.docker.docker_run import describe_run
from calico_agent.adopt.unit.shell_words import shell_commands
from calico_agent.adopt.unit.unit import Files

LABEL = "--command"


def describe_command(text: str, files: Files) -> Described:
    """Raises Refused for everything but one plain `docker run` of calico/node."""
    calls = [(words, docker_call(words)) for words in shell_commands(source_of(LABEL, text))]
    made = [call for _, call in calls if call is not None and call.name in {"run", "create"}]
    if not made:
        other = next((call for _, call in calls if call is not None), None)
        raise (
            not_followed(other)
            if other
            else NotTakenOver(calls[0][0][0].place if calls else LABEL, "is no `docker run`")
        )
    if len(calls) > 1:
        second = next(words for words, call in calls if call is not made[0])
        raise NotTakenOver(second[0].place, "is a second command; calico-agent takes one plain `docker run`")

    def read(word: Word) -> str:
        found = None if word.unknown else files.read(word.text, word.place)
        if found is None:
            raise NotTakenOver(word.place, word.unknown or f"the file {word.text[:80]} is not there")
        return found

    return describe_run(made[0], None, read, origin="the command")
