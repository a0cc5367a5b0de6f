// Subscriptions of a relying service, or of the operators.
import { z } from 'zod'
import { OPERATOR } from '../../alerts/contract.ts'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import type { Actor } from '../../storage/storage.ts'
import { AgentParam, listReply, Ok, Page, WebhookBody, WebhookMade, WebhookReply } from './contract.ts'
import { type DoorNeeds, wanted } from './needs.ts'
import { wording } from './wording.ts'

const hooks = { caller: 'anyone', wording } as const

export const addWebhook = endpoint({
  ...hooks,
  method: 'POST',
  path: '/webhooks',
  summary: 'ClawAuth: be told of events; the secret is shown once',
  body: WebhookBody,
  reply: WebhookMade,
  status: 201,
})
export const listWebhooks = endpoint({
  ...hooks,
  method: 'GET',
  path: '/webhooks',
  summary: 'ClawAuth: own subscriptions',
  query: Page,
  reply: listReply(WebhookReply),
})
export const removeWebhook = endpoint({
  ...hooks,
  method: 'DELETE',
  path: '/webhooks/{id}',
  summary: 'ClawAuth: end a subscription',
  params: AgentParam,
  reply: Ok,
})
export const testWebhook = endpoint({
  ...hooks,
  method: 'POST',
  path: '/webhooks/{id}/test',
  summary: 'ClawAuth: send a test event now',
  params: AgentParam,
  reply: z.object({ ok: z.boolean(), status: z.int().optional(), error: z.string().optional() }),
})

export function webhookRoutes<Who>(needs: DoorNeeds): BoundEndpoint<Who>[] {
  const { alerts } = needs
  const ownerOf = (rawHeaders: readonly string[]): { owner: string; by: Actor } => {
    const caller = wanted(needs.callerOf(rawHeaders), 'service', 'operator')
    if (caller.kind === 'operator')
      return { owner: OPERATOR, by: { kind: 'operator', id: caller.id, key: caller.token.id } }
    return { owner: caller.service.id, by: { kind: 'service', id: caller.service.id, key: caller.token.id } }
  }
  return [
    bind(addWebhook, async ({ body, rawHeaders }) => {
      const { owner, by } = ownerOf(rawHeaders)
      const { view, secret } = await alerts.add({ ...body, kind: 'clawauth' }, owner, by)
      return { id: view.id, url: view.url, events: view.events, secret: secret.reveal().toString('latin1') }
    }),
    bind(listWebhooks, async ({ query, rawHeaders }) => {
      const all = await alerts.list(ownerOf(rawHeaders).owner)
      const from = Number(query.cursor ?? 0)
      const end = from + query.limit
      const items = all.slice(from, end).map(({ id, url, events }) => ({ id, url, events }))
      return { items, nextCursor: end < all.length ? String(end) : null }
    }),
    bind(removeWebhook, async ({ params, rawHeaders }) => {
      const { owner, by } = ownerOf(rawHeaders)
      await alerts.remove(params.id, by, owner)
      return { ok: true as const }
    }),
    bind(testWebhook, async ({ params, rawHeaders }) => {
      const { delivered, status, error } = await alerts.test(params.id, ownerOf(rawHeaders).owner)
      return { ok: delivered, ...(status !== undefined && { status }), ...(error !== undefined && { error }) }
    }),
  ]
}
