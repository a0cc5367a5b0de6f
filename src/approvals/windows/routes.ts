import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { IdParam, listOf } from '../../http/shapes.ts'
import { ASSURANCES } from '../../policy/assurance.ts'
import type { Actor } from '../../storage/storage.ts'
import { approvalProblems, STATUSES } from '../contract.ts'
import type { TrustWindow } from './open-window.ts'
import type { Windows } from './windows.ts'

const Named = z.object({ id: z.string(), name: z.string() })

export const WindowView = z.object({
  id: z.string(),
  /** `approved` as long as it holds; `consumed` once all its calls were made; `cancelled` where it was ended. */
  status: z.enum(STATUSES),
  agent: Named,
  service: Named,
  /** Name of the action; where none is named, `path`. */
  action: z.string().optional(),
  path: z.string().optional(),
  method: z.string(),
  origin: z.string(),
  risk: z.enum(['low', 'medium', 'high']),
  credential: z.string().optional(),
  rules: z.array(Named.extend({ version: z.int() })),
  assurance: z.enum(ASSURANCES),
  calls: z.object({ used: z.int(), of: z.int() }),
  openedAt: z.string(),
  endsAt: z.string(),
  /** Who said yes to it. */
  openedBy: z.array(z.string()),
  /** Of all of it, as it was shown. */
  digest: z.string(),
})
export type WindowView = z.output<typeof WindowView>

export const listWindows = endpoint({
  method: 'GET',
  path: '/claviger/v1/windows',
  caller: 'operator',
  summary: 'Trust windows that hold now: what agents may do without being asked again, how often and until when',
  reply: listOf(WindowView),
})

export const endWindow = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/windows/{id}',
  caller: 'operator',
  role: 'approver',
  summary: 'End a trust window: the next call asks again',
  params: IdParam,
  reply: WindowView,
  problems: approvalProblems,
})

export interface WindowRouteNeeds<Who> {
  readonly windows: Windows
  readonly actorOf: (who: Who) => Actor
}

export function windowRoutes<Who>({ windows, actorOf }: WindowRouteNeeds<Who>): BoundEndpoint<Who>[] {
  return [
    bind(listWindows, () => ({ items: windows.open().map(viewOfWindow) })),
    bind(endWindow, async ({ params, caller }) => viewOfWindow(await windows.end(params.id, actorOf(caller as Who)))),
  ]
}

function viewOfWindow({
  id,
  status,
  action: window,
  used,
  openedAt,
  expiresAt,
  verdicts,
  digest,
}: TrustWindow): WindowView {
  const { agent, service, action, path, method, origin, risk, credential, rules, terms } = window
  return {
    ...{ id, status, agent, service: { id: service.id, name: service.name }, action, path, method, origin, risk },
    credential: credential?.handle,
    rules: [...rules],
    assurance: terms.assurance,
    calls: { used, of: terms.uses },
    openedAt: new Date(openedAt).toISOString(),
    endsAt: new Date(expiresAt).toISOString(),
    openedBy: verdicts.map(({ name }) => name),
    digest,
  }
}
