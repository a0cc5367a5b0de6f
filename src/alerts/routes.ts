import { z } from 'zod'
import type { Secret } from '../ground/secret.ts'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { Done, done, IdParam, listOf } from '../http/shapes.ts'
import type { Actor } from '../storage/storage.ts'
import type { Alerts } from './alerts.ts'
import {
  alertProblems,
  DeadLetter,
  OPERATOR,
  RotateWebhook,
  TestResult,
  WebhookInput,
  WebhookView,
  WebhookWithSecret,
} from './contract.ts'

const base = '/claviger/v1/webhooks'
const common = { caller: 'operator', problems: alertProblems } as const

export const listWebhooks = endpoint({
  ...common,
  method: 'GET',
  path: base,
  summary: 'List webhooks, those of relying services too, with how their deliveries go',
  reply: listOf(WebhookView),
})

export const addWebhook = endpoint({
  ...common,
  method: 'POST',
  path: base,
  summary: 'Add a webhook; the answer is the only one that ever holds its secret',
  body: WebhookInput,
  reply: WebhookWithSecret,
  status: 201,
})

export const showWebhook = endpoint({
  ...common,
  method: 'GET',
  path: `${base}/{id}`,
  summary: 'Show a webhook and how its deliveries go',
  params: IdParam,
  reply: WebhookView,
})

export const removeWebhook = endpoint({
  ...common,
  method: 'DELETE',
  path: `${base}/{id}`,
  summary: 'Remove a webhook, and with it what waits for it and its dead letters',
  params: IdParam,
  reply: Done,
})

const setStatus = (word: 'enable' | 'disable', summary: string) =>
  endpoint({
    ...common,
    method: 'POST',
    path: `${base}/{id}/${word}`,
    summary,
    params: IdParam,
    reply: WebhookView,
  })

export const enableWebhook = setStatus('enable', 'Deliver to a webhook again')
export const disableWebhook = setStatus('disable', 'Tell a webhook nothing new; what waits for it waits on')

export const testWebhook = endpoint({
  ...common,
  method: 'POST',
  path: `${base}/{id}/test`,
  summary: 'Send a webhook.test event now, once, and say how it went',
  params: IdParam,
  reply: TestResult,
})

export const rotateWebhook = endpoint({
  ...common,
  method: 'POST',
  path: `${base}/{id}/rotate`,
  summary: 'Make a new secret; the old one signs too until the overlap is over',
  params: IdParam,
  body: RotateWebhook,
  reply: WebhookWithSecret,
})

export const listDeadLetters = endpoint({
  ...common,
  method: 'GET',
  path: `${base}/dead-letters`,
  summary: 'List deliveries that were given up, of one webhook or of all, the oldest first; at most 1,000',
  query: z.strictObject({ webhook: z.string().min(1).max(128).optional() }),
  reply: listOf(DeadLetter),
})

export const replayDeadLetters = endpoint({
  ...common,
  method: 'POST',
  path: `${base}/dead-letters/{id}/replay`,
  summary: 'Take a dead letter up again by its id, or all of a webhook by the id of the webhook',
  params: IdParam,
  reply: z.object({ replayed: z.int() }),
})

export interface AlertRouteNeeds<Who> {
  readonly alerts: Alerts
  readonly actorOf: (who: Who) => Actor
}

export function alertRoutes<Who>({ alerts, actorOf }: AlertRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const by = (caller: unknown) => actorOf(caller as Who)
  return [
    bind(listWebhooks, async () => ({ items: await alerts.list() })),
    bind(addWebhook, async ({ body, caller }) => shown(await alerts.add(body, OPERATOR, by(caller)))),
    bind(showWebhook, ({ params }) => alerts.find(params.id)),
    bind(removeWebhook, async ({ params, caller }) => {
      await alerts.remove(params.id, by(caller))
      return done
    }),
    bind(enableWebhook, ({ params, caller }) => alerts.setStatus(params.id, 'active', by(caller))),
    bind(disableWebhook, ({ params, caller }) => alerts.setStatus(params.id, 'disabled', by(caller))),
    bind(testWebhook, ({ params }) => alerts.test(params.id)),
    bind(rotateWebhook, async ({ params, body, caller }) => {
      const overlapMs = body.overlapSeconds === undefined ? undefined : body.overlapSeconds * 1_000
      return shown(await alerts.rotate(params.id, overlapMs, by(caller)))
    }),
    bind(listDeadLetters, async ({ query }) => ({ items: await alerts.deadLetters(query.webhook) })),
    bind(replayDeadLetters, async ({ params, caller }) => ({ replayed: await alerts.replay(params.id, by(caller)) })),
  ]
}

/** The one time a secret is shown. */
function shown({ view, secret }: { view: WebhookView; secret: Secret }): z.input<typeof WebhookWithSecret> {
  return { ...view, secret: secret.reveal().toString('latin1') }
}
