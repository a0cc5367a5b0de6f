// Pushes to a person's browsers, from pages of this door's clients (§5): the payload is `{requestId}` alone.
import { z } from 'zod'
import { NewDevice } from '../../approvals/channels/push/contract.ts'
import type { PlainAsked, PlainReply, PlainRoute } from '../../http/plain-routes.ts'
import { MAX_BODY_BYTES } from './contract.ts'
import type { PeopleNeeds } from './people-needs.ts'
import { actorOf } from './people-routes.ts'
import type { PersonTokens } from './person-tokens.ts'
import { readShape } from './read-shape.ts'

/** As `PushSubscription.toJSON()` gives it; what else a client says is passed over. */
const SubscribeBody = z.object({ endpoint: NewDevice.shape.endpoint, keys: z.object(NewDevice.shape.keys.shape) })
const UnsubscribeBody = z.object({ endpoint: z.string().max(2_048) })
const NAME = 'ClawGate'

export function pushRoutes({ push }: PeopleNeeds, tokens: PersonTokens): PlainRoute[] {
  const person = (asked: PlainAsked) => tokens.person(asked, { role: 'approver', member: true })
  return [
    {
      method: 'GET',
      path: '/api/v1/push/vapid-key',
      handle: async (asked): Promise<PlainReply> => {
        // It is public; to have one made is for whoever is signed in.
        const publicKey = push.known() ?? (await push.key(actorOf(person(asked))))
        return { status: 200, body: { publicKey } }
      },
    },
    {
      method: 'POST',
      path: '/api/v1/push/subscribe',
      maxBody: MAX_BODY_BYTES,
      handle: async (asked): Promise<PlainReply> => {
        const who = person(asked)
        const body = readShape(SubscribeBody, await asked.json())
        await push.key(actorOf(who))
        const { id } = await push.add({ ...body, name: NAME }, who.id, actorOf(who))
        return { status: 201, body: { id } }
      },
    },
    {
      method: 'POST',
      path: '/api/v1/push/unsubscribe',
      maxBody: MAX_BODY_BYTES,
      handle: async (asked): Promise<PlainReply> => {
        const who = person(asked)
        const { endpoint } = readShape(UnsubscribeBody, await asked.json())
        // What is not there, or somebody else's, is not pushed to for them.
        await push.remove(endpoint, who.id, actorOf(who))
        return { status: 200, body: { ok: true } }
      },
    },
  ]
}
