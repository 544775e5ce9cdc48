/** Parameters of the commit function: documents with the values of their indexes; a body of null deletes. */
export const DOCUMENT_PARAMETERS = `
  document_batch int[], document_collection int[], document_key text[], document_body text[], document_indexes text[]`;

/** Each collection has a function of its own, whose plans are kept; see `DEFINE_COLLECTION`. */
export const WRITE_DOCUMENTS = `
  IF cardinality(document_batch) > 0 THEN FOR written IN
    SELECT d.collection, array_agg(d.key) AS keys, array_agg(d.body) AS bodies, array_agg(d.indexes) AS indexes
    FROM unnest(document_batch, document_collection, document_key, document_body, document_indexes)
      d(batch, collection, key, body, indexes)
    WHERE accepted[d.batch] GROUP BY d.collection ORDER BY d.collection
  LOOP
    EXECUTE format('SELECT write_documents_%s($1, $2, $3)', written.collection)
      USING written.keys, written.bodies, written.indexes;
  END LOOP; END IF;`;

/**
 * Makes the table of a collection, its indexes and the function that writes it, as their owner, so that the role of an app
 * need not be allowed to. Answers false when the collection exists; the caller then compares the definitions.
 */
export const DEFINE_COLLECTION = `
CREATE FUNCTION define_collection(wanted text, wanted_definition text, index_count int) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  made int;
BEGIN
  INSERT INTO collections (name, definition) VALUES (wanted, wanted_definition)
  ON CONFLICT (name) DO NOTHING RETURNING id INTO made;
  IF made IS NULL THEN RETURN false; END IF;
  EXECUTE format('CREATE TABLE documents_%s (key text COLLATE "C" PRIMARY KEY, body text COLLATE "C" NOT NULL,
    indexes text[] COLLATE "C") WITH (fillfactor = 80)', made);
  FOR i IN 1 .. index_count LOOP
    EXECUTE format('CREATE INDEX documents_%s_index_%s ON documents_%s ((indexes[%s]), key)', made, i, made, i);
  END LOOP;
  EXECUTE format($function$
    CREATE FUNCTION write_documents_%1$s(keys text[], bodies text[], index_values text[]) RETURNS void
    LANGUAGE plpgsql AS $body$
    BEGIN
      IF array_position(bodies, NULL) IS NOT NULL THEN
        DELETE FROM documents_%1$s d USING unnest(keys, bodies) w(key, body) WHERE d.key = w.key AND w.body IS NULL;
      END IF;
      INSERT INTO documents_%1$s AS d (key, body, indexes)
      SELECT w.key, w.body, w.indexes::text[] FROM unnest(keys, bodies, index_values) w(key, body, indexes)
      WHERE w.body IS NOT NULL ORDER BY w.key COLLATE "C"
      ON CONFLICT (key) DO UPDATE SET body = excluded.body, indexes = excluded.indexes;
    END $body$
  $function$, made);
  RETURN true;
END $$;

CREATE FUNCTION drop_collection(unwanted text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  dropped int;
BEGIN
  DELETE FROM collections WHERE name = unwanted RETURNING id INTO dropped;
  IF dropped IS NULL THEN RETURN; END IF;
  EXECUTE format('DROP FUNCTION write_documents_%s', dropped);
  EXECUTE format('DROP TABLE documents_%s', dropped);
END $$;`;
