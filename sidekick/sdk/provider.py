"""Keys that the outputs of one provider share: `aws.region` is the default of `aws.s3.region`, and so on.

An output of a provider takes its keys by inheritance (`class Settings(AwsSettings, OutputSettings)`); what is written
for the provider reaches it as if it had been written there.
"""

from sidekick.sdk.settings import NO_SECRET, Flag, Secret, Settings, Text


class AwsSettings(Settings):
    """Keys of `aws`. Without any of them the usual chain of AWS counts: variables, profile, instance, web identity."""

    accesskeyid: Text = ""
    """Id of a static access key."""
    secretaccesskey: Secret = NO_SECRET
    """Secret of the static access key."""
    region: Text = ""
    """Region, such as eu-west-1."""
    rolearn: Text = ""
    """Role to assume."""
    externalid: Text = ""
    """External id to assume the role with."""
    checkidentity: Flag = True
    """Ask AWS who we are before the first alert is sent."""


class GcpSettings(Settings):
    """Keys of `gcp`. Without any of them the usual chain of Google Cloud counts."""

    credentials: Secret = NO_SECRET
    """Key of a service account, its JSON in base64."""
    workloadidentity: Flag = False
    """Taken from falcosidekick's files and not used: workload identity needs no key."""


class YandexSettings(Settings):
    """Keys of `yandex`."""

    accesskeyid: Text = ""
    """Id of a static access key."""
    secretaccesskey: Secret = NO_SECRET
    """Secret of the static access key."""
    region: Text = "ru-central1"
    """Region."""


PROVIDERS: dict[str, type[Settings]] = {"aws": AwsSettings, "gcp": GcpSettings, "yandex": YandexSettings}
