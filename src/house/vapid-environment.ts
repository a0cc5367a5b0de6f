// The key that a ClawGate environment signs pushes with: taken over once, so that browsers that subscribed with it go on.
import type { VapidKey } from '../approvals/channels/push/vapid.ts'
import { vapidKeyOf } from '../approvals/channels/push/vapid.ts'
import { VAPID_PRIVATE, VAPID_PUBLIC, vapidOf } from '../foreign-variables.ts'
import type { Log } from '../ground/log.ts'
import { Problem } from '../ground/problem.ts'
import type { Rooms } from '../rooms.ts'

/** The private half is sealed and taken out of the environment. A channel of pushes that is there keeps its own key. */
export async function takeVapid(env: NodeJS.ProcessEnv, rooms: Rooms, log: Log): Promise<void> {
  const given = vapidOf(env)
  if (given === undefined) return
  delete env[VAPID_PRIVATE]
  const name = VAPID_PRIVATE
  const key = vapidKeyOf(given.privateKey)
  if (key === undefined || (given.publicKey !== undefined && given.publicKey !== key.publicKey)) {
    return log.error({ name }, `it is no key for pushes, or not the one of ${VAPID_PUBLIC}: nothing was taken over`)
  }
  if (rooms.vault.state().state !== 'unsealed') {
    return log.error({ name }, 'the vault is sealed: nothing was taken over. Start again when it opens by itself')
  }
  if (rooms.channels.list().some(({ kind }) => kind === 'push')) return
  await take(key, rooms, log)
}

async function take(key: VapidKey, { channels }: Rooms, log: Log): Promise<void> {
  try {
    await channels.push({ kind: 'system', id: 'claviger' }, key)
    log.info({ name: VAPID_PRIVATE }, 'the key for pushes was sealed, and taken out of the environment')
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    log.error({ name: VAPID_PRIVATE, code: error.code }, 'the key for pushes was not taken over')
  }
}
