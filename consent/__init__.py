"""Who the person is to the law: identity, permission, suppression, rights, audit."""
