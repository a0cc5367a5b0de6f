// Trust windows end with what they stand on: the agent, the service as it was, the credential, the rules that asked.
import type { WindowAction } from '../approvals/action.ts'
import type { Log } from '../ground/log.ts'
import type { Rooms } from '../rooms.ts'
import type { Actor, Change } from '../storage/storage.ts'

type Known = Pick<Rooms, 'approvals' | 'identity' | 'services' | 'rules' | 'vault'>

const SYSTEM: Actor = { kind: 'system', id: 'claviger' }
/** Kinds of change that may take away what a window stands on. */
const BENEATH: ReadonlySet<string> = new Set(['agent', 'service', 'credential', 'rule'])

/**
 * After each change, in its turn: what does not stand at that moment is ended, even if it stands again in the next. A crash in
 * between is mended at the start, by `endFallen`.
 */
export function endWindowsWith({ kind, after }: Change, known: Known, log: Log): void {
  if (!BENEATH.has(kind) && !isOpening(kind, after)) return
  endFallen(known).catch((error: unknown) => log.error({ err: error as Error }, 'a trust window could not be ended'))
}

/** One may be opened over what fell while it was asked about. */
function isOpening(kind: string, after: unknown): boolean {
  return kind === 'approval' && (after as { readonly what: string }).what === 'window_opened'
}

/** Ends those that do not stand now. What ends is settled before anything is waited for. */
export async function endFallen(known: Known): Promise<void> {
  const { windows } = known.approvals
  const open = windows.open()
  if (open.length === 0) return
  const versions = new Map<string, number>(known.rules.list().map(({ id, version }) => [id, version]))
  const fallen = open.flatMap(({ id, action }) => {
    const why = fallenOf(action, known, versions)
    return why === undefined ? [] : [{ id, why }]
  })
  if (fallen.length > 0) await windows.endAll(fallen, SYSTEM)
}

/** What it stood on that is not so any more. */
function fallenOf(
  window: WindowAction,
  { identity, services, vault }: Known,
  versions: ReadonlyMap<string, number>,
): string | undefined {
  const agent = identity.findAgent(window.agent.id)
  if (agent?.status !== 'active' || agent.name !== window.agent.name) return 'agent'
  const service = services.byId(window.service.id)
  if (service === undefined || String(service.epoch) !== window.service.version) return 'service'
  if (window.credential !== undefined && vault.find(window.credential.id)?.handle !== window.credential.handle)
    return 'credential'
  return window.rules.every(({ id, version }) => versions.get(id) === version) ? undefined : 'rule'
}
