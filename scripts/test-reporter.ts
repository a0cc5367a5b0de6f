// What `npm test` prints: node:test's own lines, then what failed, then what was skipped and why, and node:test's closing lines last.
import { relative } from 'node:path'
import { spec as Spec, type TestEvent } from 'node:test/reporters'

const root = process.cwd()
const mark = process.stdout.isTTY ? 'ℹ' : '#'

/** A reporter for `--test-reporter`: takes the runner's events, gives text. */
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const spec = new Spec()
  const closing: string[] = []
  const skipped: string[] = []
  for await (const event of source) {
    if (event.type === 'test:diagnostic' && event.data.nesting === 0 && event.data.file === undefined) {
      closing.push(`${mark} ${event.data.message}`)
      continue
    }
    const skip = skipOf(event)
    if (skip !== undefined) skipped.push(skip)
    yield* drained(spec, () => spec.write(event))
  }
  yield* drained(spec, () => spec.end())
  if (skipped.length > 0) yield `\nskipped, and why:\n${skipped.map((line) => `  ${line}\n`).join('')}`
  yield `\n${closing.join('\n')}\n`
}

function skipOf(event: TestEvent): string | undefined {
  if (event.type !== 'test:pass' || event.data.skip === undefined || event.data.skip === false) return undefined
  const why = typeof event.data.skip === 'string' && event.data.skip !== '' ? event.data.skip : 'no reason given'
  const file = event.data.file === undefined ? '' : `${relative(root, event.data.file)}: `
  return `${file}${event.data.name} – ${why}`
}

/** Everything the stream has to say after `feed`. */
async function* drained(stream: InstanceType<typeof Spec>, feed: () => void): AsyncGenerator<string> {
  feed()
  await new Promise(setImmediate)
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) yield String(chunk)
}
