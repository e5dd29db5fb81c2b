"""Note in the transaction of a change whom it touches, whoever changes it and by which way.

New events are noted by who writes them (`importing.event_store`): a trigger that reads the rows
of a COPY into a partitioned table would make it write them one by one.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION attune_is_bulk() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('attune.is_bulk', true), '') = 'on'
$$;
-- Arguments: the column that names the person, and the cause.
CREATE FUNCTION attune_touch_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'INSERT INTO personalization_segment_touch (profile_id, cause, is_bulk)'
        ' SELECT DISTINCT %I, %L, attune_is_bulk() FROM changed', TG_ARGV[0], TG_ARGV[1]);
    RETURN NULL;
END $$;
CREATE FUNCTION attune_touch_profile() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO personalization_segment_touch (profile_id, cause, is_bulk)
    VALUES (NEW.subject_id, TG_ARGV[0], attune_is_bulk());
    RETURN NULL;
END $$;
CREATE FUNCTION attune_touch_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO personalization_segment_touch (profile_id, cause)
    SELECT DISTINCT id, 'identity'
    FROM unnest(ARRAY[NEW.id, OLD.merged_into_id, NEW.merged_into_id]) AS id
    WHERE id IS NOT NULL;
    RETURN NULL;
END $$;
CREATE FUNCTION attune_touch_moved_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO personalization_segment_touch (profile_id, cause)
    SELECT profile_id, 'identity' FROM gone UNION SELECT profile_id, 'identity' FROM changed;
    RETURN NULL;
END $$;
CREATE FUNCTION attune_touch_lost_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO personalization_segment_touch (profile_id, cause, is_bulk)
    SELECT DISTINCT profile_id, 'event', true FROM changed;
    RETURN NULL;
END $$;
CREATE FUNCTION attune_touch_product() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO personalization_segment_touch (product_id, cause, is_bulk)
    VALUES (NEW.id, 'product', true);
    RETURN NULL;
END $$;
CREATE FUNCTION attune_segment_is_stale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.is_stale := true;
    RETURN NEW;
END $$;
CREATE FUNCTION attune_segments_are_stale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE personalization_segment SET is_stale = true WHERE live_id IS NOT NULL AND NOT is_stale;
    RETURN NULL;
END $$;

CREATE TRIGGER touched_new AFTER INSERT ON personalization_customerprofile
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT
    EXECUTE FUNCTION attune_touch_people('subject_id', 'profile');
CREATE TRIGGER touched AFTER UPDATE ON personalization_customerprofile FOR EACH ROW
    WHEN (OLD.attributes IS DISTINCT FROM NEW.attributes OR OLD.traits IS DISTINCT FROM NEW.traits)
    EXECUTE FUNCTION attune_touch_profile('profile');

CREATE TRIGGER touched_new AFTER INSERT ON consent_consentstate
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT
    EXECUTE FUNCTION attune_touch_people('subject_id', 'consent');
CREATE TRIGGER touched AFTER UPDATE ON consent_consentstate FOR EACH ROW
    WHEN (OLD.is_granted <> NEW.is_granted OR OLD.expires_at IS DISTINCT FROM NEW.expires_at)
    EXECUTE FUNCTION attune_touch_profile('consent');
CREATE TRIGGER touched_gone AFTER DELETE ON consent_consentstate
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT
    EXECUTE FUNCTION attune_touch_people('subject_id', 'consent');

CREATE TRIGGER touched AFTER UPDATE ON consent_datasubject FOR EACH ROW
    WHEN (OLD.erased_at IS DISTINCT FROM NEW.erased_at
          OR OLD.merged_into_id IS DISTINCT FROM NEW.merged_into_id)
    EXECUTE FUNCTION attune_touch_identity();

CREATE TRIGGER touched AFTER UPDATE ON personalization_event
    REFERENCING OLD TABLE AS gone NEW TABLE AS changed FOR EACH STATEMENT
    EXECUTE FUNCTION attune_touch_moved_events();
CREATE TRIGGER touched_gone AFTER DELETE ON personalization_event
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT
    EXECUTE FUNCTION attune_touch_lost_events();

CREATE TRIGGER touched AFTER UPDATE ON personalization_product FOR EACH ROW
    WHEN ((OLD.product_id, OLD.category, OLD.brand, OLD.department)
          IS DISTINCT FROM (NEW.product_id, NEW.category, NEW.brand, NEW.department))
    EXECUTE FUNCTION attune_touch_product();

CREATE TRIGGER stale BEFORE UPDATE ON personalization_segment FOR EACH ROW
    WHEN (OLD.live_id IS DISTINCT FROM NEW.live_id OR OLD.is_archived <> NEW.is_archived)
    EXECUTE FUNCTION attune_segment_is_stale();
CREATE TRIGGER segments_stale AFTER INSERT OR DELETE ON personalization_field FOR EACH ROW
    EXECUTE FUNCTION attune_segments_are_stale();
CREATE TRIGGER segments_stale_too AFTER UPDATE ON personalization_field FOR EACH ROW
    WHEN ((OLD.kind, OLD.name, OLD.type, OLD.purpose_id, OLD.is_sensitive, OLD.is_personal)
          IS DISTINCT FROM
          (NEW.kind, NEW.name, NEW.type, NEW.purpose_id, NEW.is_sensitive, NEW.is_personal))
    EXECUTE FUNCTION attune_segments_are_stale();

UPDATE personalization_segment SET is_stale = true WHERE live_id IS NOT NULL;
"""
BACKWARD = """
DROP TRIGGER segments_stale_too ON personalization_field;
DROP TRIGGER segments_stale ON personalization_field;
DROP TRIGGER stale ON personalization_segment;
DROP TRIGGER touched ON personalization_product;
DROP TRIGGER touched_gone ON personalization_event;
DROP TRIGGER touched ON personalization_event;
DROP TRIGGER touched ON consent_datasubject;
DROP TRIGGER touched_gone ON consent_consentstate;
DROP TRIGGER touched ON consent_consentstate;
DROP TRIGGER touched_new ON consent_consentstate;
DROP TRIGGER touched ON personalization_customerprofile;
DROP TRIGGER touched_new ON personalization_customerprofile;
DROP FUNCTION attune_segments_are_stale();
DROP FUNCTION attune_segment_is_stale();
DROP FUNCTION attune_touch_product();
DROP FUNCTION attune_touch_lost_events();
DROP FUNCTION attune_touch_moved_events();
DROP FUNCTION attune_touch_identity();
DROP FUNCTION attune_touch_profile();
DROP FUNCTION attune_touch_people();
DROP FUNCTION attune_is_bulk();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("personalization", "0022_segment_upkeep"),
        ("consent", "0009_refuse_truncate"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
