// A log in a process of its own, for faults that only a kernel makes: `node audit-child.ts <folder> <calls>`.
// Says `ready`, then `ack <seq>` for each intent after it is acknowledged, `refused <code>` otherwise, and ends with 75
// when the log asks for it.
import { writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { intentOf, TestLog } from '../audit.support.ts'

const [, , root = '', calls = '100'] = process.argv
const say = (line: string) => writeSync(1, `${line}\n`)
const log = new TestLog(root)
const audit = await log.unsealed({
  onFatal: (code) => {
    say(`fatal ${code}`)
    process.exit(code)
  },
})
say('ready')
for (let i = 0; i < Number(calls); i += 1) {
  const intent = intentOf()
  try {
    say(`ack ${await audit.intent(intent)}`)
  } catch (error) {
    say(`refused ${(error as { code: string }).code}`)
    await pause(50)
    continue
  }
  audit.outcome({ rid: intent.rid, outcome: { status: 200, bytesIn: 0, bytesOut: 0, ms: 1 } })
}
await audit.close()
say('closed')
