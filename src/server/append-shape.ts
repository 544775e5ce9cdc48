import { Type } from 'typebox';

/** The name of a stream, in an address or a body. */
export const StreamName = Type.String({ minLength: 1, maxLength: 255 });

const Tags = Type.Array(Type.String({ minLength: 1, maxLength: 255 }));

/** Events as clients send them. How many and how large they may be is the store's to say. */
export const NewEvents = Type.Array(
  Type.Object(
    {
      id: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
      type: Type.String({ minLength: 1, maxLength: 255 }),
      data: Type.Unknown(),
      tags: Type.Optional(Tags),
      metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    },
    { additionalProperties: false },
  ),
);

/** An append to several streams, and what it rests on. */
export const AppendRequest = Type.Object({
  appends: Type.Array(
    Type.Object({
      stream: StreamName,
      expected: Type.Optional(
        Type.Union([
          Type.Literal('any'),
          Type.Literal('noStream'),
          Type.Literal('exists'),
          Type.Integer({ minimum: 0 }),
        ]),
      ),
      events: NewEvents,
    }),
    { minItems: 1 },
  ),
  condition: Type.Optional(
    Type.Object({
      query: Type.Array(Type.Object({ types: Type.Optional(Type.Array(Type.String())), tags: Type.Optional(Tags) })),
      after: Type.Integer({ minimum: 0 }),
    }),
  ),
});
