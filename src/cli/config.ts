import type { Command } from 'commander'
import { loadSettingsWithSources, unknownVariables } from '../settings.ts'
import { settingDocs } from '../settings-schema.ts'
import { table } from './render.ts'
import { say } from './terminal.ts'
import { addVerb, type Session } from './verb.ts'

/** `claviger config`: what a start would use here, or with --running what the gateway uses. */
export function configCommand(program: Command, session: Session): void {
  addVerb(program, session, {
    signature: 'config',
    summary: 'every setting, its value and where it comes from; needs no gateway',
    options: [{ flags: '--running', about: 'ask the running gateway for the settings it was started with' }],
    async run({ options, operator, terminal }) {
      if (options.running === true) {
        const json = await operator().ask({ method: 'GET', path: '/config' })
        const items = Object.entries(json.settings).map(([setting, value]) => ({ setting, value }))
        return { json, text: table(items, ['setting', 'value']) }
      }
      const { settings, sources } = loadSettingsWithSources({ env: terminal.env, envFile: options.envFile })
      const items = settingDocs().map(({ name, env }) => ({
        setting: env,
        value: settings[name] as string | number | boolean | readonly string[] | undefined,
        source: sources[name],
      }))
      for (const name of unknownVariables(terminal.env))
        say(terminal, `claviger: ${name} is set and means nothing here`)
      return { json: { items }, text: table(items, ['setting', 'value', 'source']) }
    },
  })
}
