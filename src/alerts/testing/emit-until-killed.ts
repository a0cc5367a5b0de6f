// Run by courier.test.ts in a process of its own: opens the room on a database file and tells of agents until it is killed.
import { createSecretKey } from 'node:crypto'
import { systemClock } from '../../ground/clock.ts'
import { createOutbound } from '../../http/outbound.ts'
import { createResolver } from '../../http/resolve.ts'
import { openStorage } from '../../storage/open-storage.ts'
import { testBox } from '../alerts.support.ts'
import { createAlerts } from '../alerts.ts'
import { alertsMigrations } from '../schema.ts'

const [file, rows, root, count] = process.argv.slice(2)
if (file === undefined) throw new TypeError('usage: emit-until-killed.ts DATABASE ROW-KEY ROOT-KEY COUNT')
const key = (hex: string | undefined) => createSecretKey(Buffer.from(hex ?? '', 'hex'))
const onFatal = () => process.exit(74)
const storage = await openStorage({ file, migrations: alertsMigrations, clock: systemClock, onFatal })
storage.authenticateWith(key(rows))
const rootKey = key(root)
const outbound = createOutbound({ resolver: createResolver({ hosts: { addresses: async () => [] } }) })
const alerts = createAlerts({ storage, clock: systemClock, box: testBox(() => rootKey), outbound })
await alerts.load()
alerts.start()
for (let i = 0; i < Number(count); i += 1) {
  alerts.emit({ type: 'agent.registered', data: { agentId: `a${i}`, name: 'n', status: 'active' } })
}
setInterval(() => {}, 60_000)
