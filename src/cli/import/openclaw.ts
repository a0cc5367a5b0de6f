// `claviger import openclaw`: every key of an installation, of both generations, with what still holds it afterwards.
import { existsSync } from 'node:fs'
import { cliProblem } from '../problems.ts'
import type { Invocation, Verb } from '../verb.ts'
import type { Done } from './carry-out.ts'
import { findInEnv } from './find-in-env.ts'
import type { Findings, Found } from './found.ts'
import { findInOpenClawConfig } from './openclaw-config.ts'
import { openClawPlace } from './openclaw-place.ts'
import { applyPlan, type ProfileTarget, writePlan } from './openclaw-plan.ts'
import { elsewhere, residue } from './openclaw-residue.ts'
import { findInOpenClawStores } from './openclaw-stores.ts'
import { readEach } from './read-each.ts'
import { type Importer, importOptions, runImport } from './run-import.ts'

export const importOpenClaw: Verb = {
  signature: 'openclaw [folder]',
  summary: 'take the keys out of an OpenClaw installation: configuration, environment files, stores old and new',
  options: importOptions,
  examples: ['claviger import openclaw', 'claviger import openclaw ~/.openclaw --write'],
  run: (invocation) => runImport(invocation, importer(invocation)),
}

function importer({ args: [folder], terminal, settings }: Invocation): Importer {
  const place = openClawPlace(folder, terminal.env)
  let targets: ReadonlyMap<Found, readonly ProfileTarget[]> = new Map()
  return {
    what: 'openclaw',
    async find(detect, around) {
      if (!existsSync(place.state))
        throw cliProblem('file_unreadable', {
          detail: `There is no ${place.state}.`,
          hint: 'Name the state folder of the installation, the one with openclaw.json in it: `claviger import openclaw FOLDER`.',
        })
      const config = await findInOpenClawConfig(place.config, detect, around)
      const stores = await findInOpenClawStores(place, around)
      targets = stores.targets
      const { sources, remarks } = readEach(place.envFiles, { wanted: false })
      const env = await Promise.all(sources.map((source) => findInEnv(source, detect, around.names)))
      return merged([config, stores, ...env, { found: [], remarks }], (found) => residue(place, found))
    },
    after: (done) => [...applied(done), elsewhere(place)],
  }

  function applied({ journal, steps }: Done): string[] {
    const plan = applyPlan(steps, (found) => targets.get(found) ?? [])
    if (plan === undefined) return []
    const path = writePlan(settings().home, journal, plan)
    return [
      'With those variables set, have OpenClaw put references into its own stores, and look at what it says:',
      `  openclaw secrets apply --from ${path} --dry-run`,
      `  openclaw secrets apply --from ${path}`,
      '  openclaw secrets audit --check',
    ]
  }
}

function merged(all: readonly Findings[], also: (found: readonly Found[]) => Findings['remarks']): Findings {
  const found = all.flatMap((one) => one.found)
  return { found, remarks: [...all.flatMap(({ remarks }) => remarks), ...also(found)] }
}
