// How broad a trust window would be: what the agent did of its form lately, as the log has it.
import type { WindowAction } from '../approvals/action.ts'
import { Problem } from '../ground/problem.ts'
import { canonicalTarget } from '../ground/target.ts'
import type { Rooms } from '../rooms.ts'

const DAYS = 7
/** Of the agent's on the service, the newest: more are not looked at for one page. */
const MOST = 500

interface Sent {
  readonly req?: { readonly method?: string; readonly origin?: string; readonly path?: string; readonly query?: string }
}

/** In words, for the facts of the window. */
export async function latelyOf({ audit, services, clock }: LatelyRooms, window: WindowAction): Promise<string> {
  const from = clock.now() - DAYS * 86_400_000
  const wanted = { type: 'intent', actor: window.agent.id, service: window.service.name, from }
  const all = (await audit.index?.find(wanted, MOST))?.records ?? []
  const service = services.byId(window.service.id)
  const count = all.filter((one) => isOfForm(one, window, service)).length
  const atLeast = all.length === MOST ? 'the newest ' : ''
  return `${count} of ${atLeast}${all.length} calls of this agent on this service were of this form, in ${DAYS} days`
}

type LatelyRooms = Pick<Rooms, 'audit' | 'services' | 'clock'>
type Service = ReturnType<LatelyRooms['services']['byId']>

function isOfForm(record: object, { method, origin, path, action }: WindowAction, service: Service): boolean {
  const { req } = record as Sent
  if (req?.path === undefined || req.method !== method || req.origin !== origin) return false
  if (action === undefined && req.path !== path) return false
  try {
    const target = canonicalTarget(req.query === undefined ? req.path : `${req.path}?${req.query}`)
    return service?.resolve(method, target)?.action === action
  } catch (error) {
    // What stands redacted in the log may not be an address any more.
    if (error instanceof Problem) return false
    throw error
  }
}
