import { parseArgs } from 'node:util'

const USAGE = `npm run bench -- [--quick | --asking | --tunnels] [--rounds N] [--seconds N] [--json FILE]

  --quick     the small size alone, under a minute
  --asking    what rules and questions to humans cost
  --tunnels   calls inside tunnels, streams of events, chat completions
  --rounds    measured for each figure; the first is thrown away
  --seconds   of each round
  --json      writes the figures to this file as well
`

/** What was asked for; ends the process with 64 where that cannot be understood. */
export function options() {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        asking: { type: 'boolean', default: false },
        tunnels: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        json: { type: 'string' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
      },
    })
    const bad = [values.rounds, values.seconds].find((text) => text !== undefined && !/^[1-9]\d{0,3}$/.test(text))
    if (bad !== undefined) throw new TypeError(`'${bad}' is no number of rounds or seconds`)
    if (!values.help) return values
    process.stdout.write(USAGE)
    process.exit(0)
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message.split('\n')[0] : ''}\n\n${USAGE}`)
    process.exit(64)
  }
}
