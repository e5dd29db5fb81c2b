"""Freeze a version that has been live: what decided stays readable for ever."""

from django.db import migrations

TABLES = ("segmentversion", "rulesetversion", "contentblockversion")
FUNCTION = """
CREATE FUNCTION attune_freeze_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.published_at IS NULL THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'DELETE' OR NEW.content IS DISTINCT FROM OLD.content
       OR NEW.number <> OLD.number OR NEW.of_id <> OLD.of_id
       OR NEW.published_at IS DISTINCT FROM OLD.published_at THEN
        RAISE EXCEPTION 'version % of % was live and stays as it is: save a new version',
            OLD.number, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
TRIGGER = """
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON personalization_{0}
    FOR EACH ROW EXECUTE FUNCTION attune_freeze_version();
"""


class Migration(migrations.Migration):
    dependencies = [("personalization", "0002_event_tables")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION attune_freeze_version();"),
        *(
            migrations.RunSQL(
                TRIGGER.format(table), f"DROP TRIGGER frozen ON personalization_{table};"
            )
            for table in TABLES
        ),
    ]
