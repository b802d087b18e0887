"""SecretStores: where ExternalSecrets read, as declared in Git or on the hub; and how a value is found there.

Contract: purely computational. A store is written by whoever may write manifests: it says where somebody wants to
read, and ``fleet.secrets.allow`` whether they may.
"""
