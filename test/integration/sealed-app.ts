import {
  createMillrace,
  defineApp,
  defineDecider,
  defineEvent,
  defineProjection,
  defineSaga,
  isForgotten,
  isSealed,
  type KeyProvider,
  type Sealed,
  type StoreLocation,
  send,
} from 'millrace';
import { z } from 'zod';

/** A text that is found wherever it was written in the clear; `number` tells people apart. */
export const secretOf = (number: number): string => `plainly-${number}-visible@example.org`;

const sealed = z.custom<Sealed<string>>(isSealed);

export const Joined = defineEvent('Joined', {
  schema: z.object({ person: z.string(), email: z.string() }),
  sensitive: { subject: data => data.person, fields: ['email'] },
});
const Welcomed = defineEvent('Welcomed', { schema: z.object({ person: z.string() }) });

export const member = defineDecider('member', {
  events: [Joined, Welcomed],
  initial: (): { person: string; email?: Sealed<string> } => ({ person: '' }),
  evolve: { Joined: (_, { data }) => ({ person: data.person, email: data.email }), Welcomed: state => state },
  decide: {
    join: (data: { person: string; email: string }) => [Joined(data)],
    welcome: (_: object, state) => [Welcomed({ person: state.person })],
  },
});

export const members = defineProjection('members', {
  version: 1,
  events: [Joined],
  key: event => event.data.person,
  initial: (): { email?: Sealed<string>; seen: number } => ({ seen: 0 }),
  evolve: { Joined: (state, { data }) => ({ email: data.email, seen: state.seen + 1 }) },
});

/** An app whose every part gets hold of something sensitive: read model, saga, step, dead letter. */
function sealedApp(mailed: (email: string) => void) {
  const greeting = defineSaga('greeting', 1)
    .input(z.object({ person: z.string(), email: sealed }))
    .startOn(Joined, ({ data }) => ({ id: data.person, input: data }))
    .step('mail', {
      retry: { attempts: 2, base: 1, cap: 1 },
      run: async ({ input }) => {
        const email = input.email.open();
        mailed(isForgotten(email) ? 'forgotten' : email);
        return { to: input.email };
      },
      compensate: 'none-needed',
    })
    .step('remember', {
      run: async ({ results }) => {
        const to = results.mail.to.open();
        mailed(isForgotten(to) ? 'forgotten' : `again ${to}`);
      },
      compensate: 'none-needed',
    })
    .onEnd({ completed: ({ id }) => send(member, `member-${id}`, 'welcome', {}) })
    .build();
  const failing = defineProjection('failing', {
    version: 1,
    events: [Joined],
    key: event => event.data.person,
    initial: () => ({}),
    evolve: {
      Joined: () => {
        throw new Error('never works');
      },
    },
    failure: { retry: { attempts: 1, base: 1, cap: 1 }, afterwards: 'park' },
  });
  return defineApp({ define: [member, members, greeting, failing] });
}

export function openSealed(store: StoreLocation, keys: KeyProvider, mailed: (email: string) => void = () => undefined) {
  return createMillrace({ app: sealedApp(mailed), store, keys });
}
