// Run by signing-kill.test.ts in a process of its own: keys on a database file, rotated and revoked until it is killed.
import { createSecretKey } from 'node:crypto'
import { SetClock } from '../../../ground/clock.ts'
import { openStorage } from '../../../storage/open-storage.ts'
import { Keyring } from '../../../vault/keyring.ts'
import { openRoomKey, sealRoomKey } from '../../../vault/room-keys.ts'
import { signingMigrations } from '../schema.ts'
import { createSigningKeys } from '../signing-keys.ts'

const [file, rowKey, root, now] = process.argv.slice(2)
if (!file || !rowKey || !root || !now) throw new TypeError('usage: rotate-until-killed.ts DATABASE ROW-KEY ROOT NOW')
const by = { kind: 'system', id: 'test' } as const
const clock = new SetClock(Number(now))
const storage = await openStorage({ file, migrations: signingMigrations, clock, onFatal: () => process.exit(74) })
storage.authenticateWith(createSecretKey(Buffer.from(rowKey, 'hex')))
const keyring = new Keyring(Buffer.from(root, 'hex'), Buffer.alloc(16))
const keys = createSigningKeys({
  storage,
  clock,
  seal: (purpose, bytes) => sealRoomKey(keyring, purpose, bytes),
  open: (purpose, sealed) => openRoomKey(keyring, purpose, sealed),
  rotateMs: 366 * 86_400_000,
  longestTokenLifeMs: 600_000,
  onTrouble: (error) => {
    throw error
  },
})
await keys.load()
await keys.settle()
process.stdout.write('rotating\n')
// Its clock goes ahead by less than the day that the test puts its own on, however late the kill comes.
for (let n = 1; n < 400; n += 1) {
  clock.advance(200_000)
  if (n % 10 === 0) await keys.rotate(by, { emergency: true })
  else if (n % 4 === 0) await keys.revoke(keys.active().kid, by)
  else await keys.rotate(by)
}
setInterval(() => {}, 1_000)
