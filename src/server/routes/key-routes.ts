import { type Static, Type } from 'typebox';
import type { RouteContext } from '../route-context.ts';

const ForgetBody = Type.Object(
  {
    subject: Type.String({ minLength: 1, maxLength: 255 }),
    reason: Type.Optional(Type.String({ maxLength: 1_000 })),
    userId: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  },
  { additionalProperties: false },
);

/** Shows how the keys of sensitive data stand, wraps them anew, and forgets those whom it concerns. */
export function keyRoutes({ server, app }: RouteContext): void {
  server.get('/v1/keys', () => app.keys.status());

  server.post('/v1/keys/rotate', async () => ({ rewrapped: await app.keys.rotate() }));

  server.post<{ Body: Static<typeof ForgetBody> }>('/v1/keys/forget', { schema: { body: ForgetBody } }, request => {
    const { subject, ...reason } = request.body;
    return app.keys.forget(subject, reason);
  });
}
