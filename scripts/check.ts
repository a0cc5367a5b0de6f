// npm run check: everything that can be said about this code without running it. `npm run check -- floors sizes` runs some rules.
import { childProcesses, decipherInOnePlace, noConsole, outboundCalls, revealers } from './checks/code-rules.ts'
import { dependencies } from './checks/dependencies.ts'
import { docs } from './checks/docs.ts'
import { floors } from './checks/floors.ts'
import { generated } from './checks/generated.ts'
import type { Rule } from './checks/rule.ts'
import { sizes } from './checks/sizes.ts'
import { textOnly } from './checks/text-only.ts'
import { consoleTypes, deadCode, lint, types } from './checks/tools.ts'

const rules: readonly Rule[] = [
  types,
  consoleTypes,
  lint,
  floors,
  deadCode,
  generated,
  outboundCalls,
  childProcesses,
  decipherInOnePlace,
  revealers,
  noConsole,
  textOnly,
  sizes,
  dependencies,
  docs,
]

/** Lines shown of one rule: enough to begin with. */
const SHOWN = 80

async function holds(rule: Rule): Promise<boolean> {
  const { read, unit, findings } = await rule.check()
  const missed = (await rule.planted?.()) ?? []
  const ok = read > 0 && findings.length === 0 && missed.length === 0
  const planted =
    rule.planted === undefined
      ? ''
      : missed.length === 0
        ? ', planted violations reported'
        : ', PLANTED VIOLATIONS MISSED'
  console.log(`${ok ? 'ok  ' : 'FAIL'}  ${rule.name.padEnd(22)} ${read} ${unit} read${planted}`)
  if (read === 0) console.log('      it read nothing, so it has checked nothing')
  const all = [...findings, ...missed]
  for (const finding of all.slice(0, SHOWN)) console.log(`      ${finding}`)
  if (all.length > SHOWN) console.log(`      … and ${all.length - SHOWN} more lines`)
  return ok
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !rules.some((rule) => rule.name === name))
if (unknown.length > 0) {
  console.error(`no rule ${unknown.join(', ')}; there are: ${rules.map(({ name }) => name).join(', ')}`)
  process.exit(64)
}
let broken = 0
for (const rule of rules) if (wanted.length === 0 || wanted.includes(rule.name)) broken += (await holds(rule)) ? 0 : 1
console.log(broken === 0 ? 'check: all rules hold' : `check: ${broken} rules are broken`)
process.exitCode = broken === 0 ? 0 : 1
