// Run by kek-kill.test.ts in a process of its own: opens the vault of a database file and rotates its key for ever.
import { systemClock } from '../../ground/clock.ts'
import { openStorage } from '../../storage/open-storage.ts'
import { vaultMigrations } from '../schema.ts'
import { createVault } from '../vault.ts'

const [file, keyFile] = process.argv.slice(2)
if (file === undefined || keyFile === undefined) throw new TypeError('usage: rotate-until-killed.ts DATABASE KEY-FILE')
const onFatal = () => process.exit(74)
const storage = await openStorage({ file, migrations: vaultMigrations, clock: systemClock, onFatal })
const vault = await createVault({ storage, clock: systemClock, redeem: () => false })
await vault.unseal({ keyFile })
storage.authenticateWith(vault.keys().rowMac)
await vault.load()
process.stdout.write('rotating\n')
for (;;) await vault.rotateKek({ kind: 'system', id: 'test' })
