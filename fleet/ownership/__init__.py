"""Whose field is it: what managedFields say of an object, and the patches that move ownership. Pure.

Contract: no I/O, no clock, no kube; from an object's `Meta` alone, which metadata-only watches bring. No
value of an object is ever in a result that people read: managedFields name fields, not contents, and set
items (whose "names" are values) are masked by `fieldpath`.

- `entries`: one entry or all; field sets as paths, and back
- `membership`: is this object a member of a set of ours (H1)
- `marks`: which other tool's object it is (H9)
- `drift`: is it as we left it, and if not, who changed which fields (D2, H10)
- `fights`: how long to wait before the next heal of an object that somebody keeps changing (H9)
- `foreign`: what people added by hand, which is no drift (H25)
- `takeover`, `kept`: whose entries are merged into ours, and which of their fields never are (H4)
- `patches`: the JSON patches on managedFields: merge, adopt, strip, move, back, reversion, orphan (H4, H25, H22, H7)

managedFields as written by the API server: `apimachinery/pkg/apis/meta/v1` ManagedFieldsEntry, FieldsV1 in
the format of `structured-merge-diff/fieldpath/serialize.go`: `f:<name>` a field, `k:{...}` a list item by its
keys, `v:<json>` a set item by its value, `i:<n>` an item by place, `.` the thing itself.
"""
