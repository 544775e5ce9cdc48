/**
 * Parameters of the commit function: blocks of records, each with the time before which a later write of the same batch trims
 * its topic; and topics to be trimmed.
 */
export const TOPIC_PARAMETERS = `
  block_batch int[], block_topic int[], block_partition int[], block_count int[], block_records text[],
  block_trimmed_before bigint[],
  trim_batch int[], trim_topic int[], trim_before bigint[]`;

/** Holds the partitions until the commit, in the order that all groups keep to: so offsets are in the order of commits. */
export const LOCK_TOPICS = `
  IF cardinality(block_batch) + cardinality(trim_batch) > 0 THEN
    PERFORM 1 FROM (
      SELECT * FROM unnest(block_topic, block_partition) b(topic, partition)
      UNION SELECT topic, partition FROM topic_partitions WHERE topic = ANY (trim_topic)) w
    JOIN topic_partitions p ON p.topic = w.topic AND p.partition = w.partition
    ORDER BY p.topic, p.partition FOR UPDATE OF p;
  END IF;`;

/** A block of records is one row: rows, not bytes, are what costs. What is trimmed at once still uses up its offsets. */
export const WRITE_TOPICS = `
  FOR i IN 1 .. cardinality(trim_batch) LOOP
    CONTINUE WHEN NOT accepted[trim_batch[i]];
    DELETE FROM topic_blocks WHERE topic = trim_topic[i] AND produced_at < trim_before[i];
  END LOOP;

  IF cardinality(block_batch) > 0 THEN
    INSERT INTO topic_blocks (topic, partition, base, count, produced_at, records)
    SELECT b.topic, b.partition, b.base, b.count, now_ms, b.records
    FROM (SELECT p.topic, p.partition, b.count, b.records, b.trimmed_before,
        p.end_offset + sum(b.count) OVER (PARTITION BY p.topic, p.partition ORDER BY b.n) - b.count AS base
      FROM unnest(block_batch, block_topic, block_partition, block_count, block_records, block_trimmed_before)
        WITH ORDINALITY b(batch, topic, partition, count, records, trimmed_before, n)
      JOIN topic_partitions p ON p.topic = b.topic AND p.partition = b.partition
      WHERE accepted[b.batch]) b
    WHERE b.trimmed_before <= now_ms;
    UPDATE topic_partitions p SET end_offset = p.end_offset + b.count
    FROM (SELECT b.topic, b.partition, sum(b.count) AS count
      FROM unnest(block_batch, block_topic, block_partition, block_count) b(batch, topic, partition, count)
      WHERE accepted[b.batch] GROUP BY b.topic, b.partition) b
    WHERE p.topic = b.topic AND p.partition = b.partition;
  END IF;`;
