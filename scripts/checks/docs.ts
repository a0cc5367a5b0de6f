// What the documentation names must be there: files by link or by name, and ARCHITECTURE.md in ten minutes' reading. What
// it lists must be all there is: the proving suites, and the tests of attacks.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import type { Finding, Rule } from './rule.ts'
import { root } from './run-tool.ts'

const ARCHITECTURE_LINES = 200
/** Where a name in the text may begin. */
const bases = ['', 'src', 'docs']

interface Page {
  readonly path: string
  readonly text: string
}

function findingsIn(page: Page, files: readonly string[]): Finding[] {
  const links = [...page.text.matchAll(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g)].flatMap(([, link]) =>
    existsSync(join(root, dirname(page.path), link!)) ? [] : [`${page.path} links to ${link}`],
  )
  const names = [...page.text.matchAll(/`([\w./*-]+\.(?:ts|mjs|js|md|lua))`/g)].flatMap(([, name]) =>
    isThere(name!, files) ? [] : [`${page.path} names ${name}`],
  )
  const lines = page.text.split('\n').length - 1
  const long = page.path === 'ARCHITECTURE.md' && lines > ARCHITECTURE_LINES
  return [...links, ...names, ...(long ? [`${page.path} has ${lines} lines; ${ARCHITECTURE_LINES} are allowed`] : [])]
}

/** A path from a base, a pattern from a base, or the last part of a path. */
function isThere(name: string, files: readonly string[]): boolean {
  if (name.includes('*')) return bases.some((base) => globSync(join(base, name), { cwd: root }).length > 0)
  const plain = normalize(name)
  return bases.some((base) => existsSync(join(root, base, plain))) || files.some((file) => file.endsWith(`/${plain}`))
}

interface Lists {
  readonly suites: string
  readonly guide: string
  readonly threats: string
  readonly attacks: readonly string[]
}

/** The suites that the guide names are those of `npm run proving -- --list`; every attack stands in the list of threats. */
function listFindings({ suites, guide, threats, attacks }: Lists): Finding[] {
  const there = new Set([...suites.matchAll(/^ {2}'?([a-z-]+)'?: \(/gm)].map(([, name]) => name!))
  const told = [...guide.matchAll(/proving ((?:`[a-z-]+`(?:, )?)+)/g)].flatMap(([, names]) => names!.match(/[a-z-]+/g)!)
  return [
    ...[...there]
      .filter((name) => !told.includes(name))
      .map((name) => `docs/guides/testing.md lacks the suite ${name}`),
    ...told.filter((name) => !there.has(name)).map((name) => `docs/guides/testing.md names the suite ${name}`),
    ...attacks.filter((path) => !threats.includes(`\`${path}\``)).map((path) => `docs/threats.md lacks ${path}`),
  ]
}

function lists(): Lists {
  const [suites, guide, threats] = ['proving/suites.ts', 'docs/guides/testing.md', 'docs/threats.md'].map((path) =>
    readFileSync(join(root, path), 'utf8'),
  ) as [string, string, string]
  return { suites, guide, threats, attacks: globSync('test/attacks/*.test.ts', { cwd: root }) }
}

function pages(): Page[] {
  return globSync(['*.md', 'docs/**/*.md', 'sdk/*.md'], { cwd: root })
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

const sources = () => globSync('{src,sdk/src,test,proving,scripts,bench}/**/*.{ts,mjs,js,lua,md}', { cwd: root })

/** A suite that the guide lacks, one that it makes up, and an attack that nobody lists. */
const plantedLists: Lists = {
  suites: "{\n  kill: () => 1,\n  'power-cut': () => 1,\n}",
  guide: 'proving `kill`, `nowhere` |',
  threats: '`test/attacks/a.test.ts`',
  attacks: ['test/attacks/a.test.ts', 'test/attacks/b.test.ts'],
}

export const docs: Rule = {
  name: 'docs',
  async check() {
    const [read, files] = [pages(), sources()]
    const findings = [...read.flatMap((page) => findingsIn(page, files)), ...listFindings(lists())]
    return { read: read.length, unit: 'pages', findings }
  },
  async planted() {
    const text =
      '[a](docs/nowhere.md) [b](docs/guides/setup.md#x) `src/nowhere.ts` `policy/mint.ts` `proxy/*.test.ts`\n'
    const planted: readonly (readonly [Page, number])[] = [
      [{ path: 'README.md', text }, 2],
      [{ path: 'ARCHITECTURE.md', text: 'line\n'.repeat(ARCHITECTURE_LINES + 1) }, 1],
    ]
    const off = (found: readonly Finding[], wanted: number) =>
      found.length === wanted ? [] : [`${found.length} findings, not ${wanted}: ${found.join('; ')}`]
    return [
      ...planted.flatMap(([page, wanted]) => off(findingsIn(page, sources()), wanted)),
      ...off(listFindings(plantedLists), 3),
    ]
  },
}
