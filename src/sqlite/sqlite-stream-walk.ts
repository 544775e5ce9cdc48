/**
 * `FROM … WHERE … ORDER BY` for the events `e` of a stream, in a range of revisions, that are of some types, and the last one of the range.
 * The index of the stream gives their positions, and that of the types says which of them are wanted: the row of an event that is left
 * out is never touched, however long it is.
 *
 * It binds: the name, the least and the greatest revision, the types as JSON, the name, and the greatest revision.
 */
export function streamEventsOfTypes(backward: boolean): string {
  return `FROM streams s
    CROSS JOIN events i INDEXED BY events_by_stream ON i.stream = s.id
    CROSS JOIN events e ON e.position = i.position
    WHERE s.name = ? AND i.revision >= ? AND i.revision <= ?
      AND (EXISTS (SELECT 1 FROM events t INDEXED BY events_by_type WHERE t.position = i.position
          AND t.type IN (SELECT id FROM kinds WHERE type IN (SELECT value FROM json_each(?))))
        OR i.revision = (SELECT max(revision) FROM events
          WHERE stream = (SELECT id FROM streams WHERE name = ?) AND revision <= ?))
    ORDER BY i.revision ${backward ? 'DESC' : ''}`;
}
