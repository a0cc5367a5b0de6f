// Which places of this machine a cage shows, and which it hides although they lie in what it shows. Unknown means hidden.
import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'

/** Programs and their settings. Nothing in them is a person's. */
const SYSTEM = ['/usr', '/etc', '/opt', '/nix', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']
/** Below somebody's home, shown where PATH leads there: what keeps versions of interpreters. */
const TOOLS = ['.nvm', '.pyenv', '.rbenv', '.nodenv', '.asdf', '.volta', '.rustup', '.bun', '.deno', '.sdkman']
/** Below somebody's home, hidden where more of it is shown than these themselves. */
const SECRETS = [
  ...[
    '.ssh',
    '.gnupg',
    '.aws',
    '.azure',
    '.docker',
    '.kube',
    '.oci',
    '.gsutil',
    '.password-store',
    '.mozilla',
    '.vault-token',
  ],
  ...[
    '.netrc',
    '.npmrc',
    '.yarnrc.yml',
    '.pypirc',
    '.pgpass',
    '.my.cnf',
    '.git-credentials',
    '.config/git/credentials',
  ],
  ...[
    '.config/gcloud',
    '.config/gh',
    '.config/glab-cli',
    '.config/hub',
    '.config/op',
    '.config/doctl',
    '.config/rclone',
  ],
  ...[
    '.config/containers/auth.json',
    '.config/google-chrome',
    '.config/chromium',
    '.config/BraveSoftware',
    '.config/helm',
  ],
  ...[
    '.local/share/keyrings',
    '.local/share/kwalletd',
    '.cargo/credentials',
    '.cargo/credentials.toml',
    '.gem/credentials',
  ],
  ...[
    '.terraform.d/credentials.tfrc.json',
    '.terraformrc',
    '.composer/auth.json',
    '.m2/settings.xml',
    '.gradle/gradle.properties',
  ],
  ...[
    '.claude/.credentials.json',
    '.codex/auth.json',
    '.openclaw',
    '.clauth',
    '.bash_history',
    '.zsh_history',
    '.python_history',
  ],
]
const DEVICE = '/dev/null'

export interface Wanted {
  readonly home: string
  /** May be written to. */
  readonly work: string
  readonly read: readonly string[]
  readonly write: readonly string[]
  /** Folders to look for programs in. */
  readonly path: readonly string[]
  /** Of this program: shown to be run. */
  readonly own: readonly string[]
  /** Hidden wherever they are. */
  readonly secret: readonly string[]
}

/** bubblewrap's arguments for the whole file system. */
export function placesOf(wanted: Wanted): string[] {
  const system = SYSTEM.flatMap(systemPlace)
  const secrets = secretsIn(wanted)
  const sockets = socketsOfMachine().filter((path) => !secrets.some((secret) => holds(secret, path)))
  const closed = [...closedTo('/etc'), ...secrets, ...sockets]
  const shown = shownPlaces(wanted)
  const visible = (path: string) => [...SYSTEM, ...shown.map(([, place]) => place)].some((place) => holds(place, path))
  return [
    ...system,
    ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs', '/run', '--tmpfs', '/var'],
    ...['--dir', '/var/tmp', '--symlink', '../run', '/var/run'],
    ...(wanted.home === '/' ? [] : ['--tmpfs', wanted.home]),
    ...shown.flatMap(([how, place]) => [how, place, place]),
    ...closed.filter((path) => visible(path)).flatMap(hidden),
  ]
}

/** Whether `path` is `folder` or lies in it. */
export function holds(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}${sep}`)
}

/** The path, and every place that links on the way lead it through: who may change one of them says where it leads. */
export function wayTo(path: string): string[] {
  const places: string[] = []
  let ahead = resolve(path)
  // As many links as the kernel follows.
  for (let links = 0; links <= 40; links++) {
    const link = linkOn(ahead)
    places.push(link?.place ?? ahead)
    if (link === undefined) break
    ahead = link.leads
  }
  return places
}

/** The first link on a path, and what the path is behind it. */
function linkOn(path: string): { readonly place: string; readonly leads: string } | undefined {
  const names = path.split(sep)
  for (let end = 2; end <= names.length; end++) {
    const place = names.slice(0, end).join(sep)
    if (statOf(place, lstatSync)?.isSymbolicLink() !== true) continue
    return { place, leads: resolve(dirname(place), readlinkSync(place), ...names.slice(end)) }
  }
  return undefined
}

/** What is known to hold keys, below the folder and not in it itself: a command could put what holds it out of the way. */
export function secretBelow(folder: string, home: string): string | undefined {
  return SECRETS.map((name) => join(home, name)).find(
    (path) => holds(folder, dirname(path)) && dirname(path) !== folder && statOf(path, lstatSync) !== undefined,
  )
}

/** Where a link leads; the path itself where nothing is there. */
export function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function systemPlace(path: string): string[] {
  const stat = statOf(path, lstatSync)
  if (stat?.isSymbolicLink() === true) return ['--symlink', readlinkSync(path), path]
  return stat?.isDirectory() === true ? ['--ro-bind', path, path] : []
}

/** What lies deeper comes later: of two that lie in each other the inner one says what may be done there. */
function shownPlaces({ home, work, read, write, path, own }: Wanted): [how: string, place: string][] {
  const readable = [...toolsOn(path, home), ...own, ...read].map((place) => ['--ro-bind', place] as const)
  const writable = [...write, work].map((place) => ['--bind', place] as const)
  const places = new Map([...readable, ...writable].map(([how, place]) => [place, how]))
  return [...places].map(([place, how]): [string, string] => [how, place]).sort(([, a], [, b]) => a.length - b.length)
}

/** Folders of programs, but for those of the system, and never a home or what holds it. */
function toolsOn(path: readonly string[], home: string): string[] {
  const roots = TOOLS.map((name) => join(home, name))
  return path
    .map((folder) => roots.find((root) => holds(root, folder)) ?? folder)
    .filter((folder) => folder.startsWith('/') && statOf(folder)?.isDirectory() === true)
    .filter((folder) => !holds(folder, home) && !SYSTEM.some((place) => holds(place, folder)))
}

function secretsIn({ home, secret, read, write, work }: Wanted): string[] {
  const named = new Set([...read, ...write, work])
  const usual = SECRETS.map((name) => join(home, name)).filter((path) => !named.has(path))
  return [...usual, ...secret].filter((path) => statOf(path, lstatSync) !== undefined).map(real)
}

/** What the folder holds that others may not read: whoever runs the cage may, and nobody in it should. */
function closedTo(folder: string): string[] {
  return entriesOf(folder).flatMap((path) => {
    const stat = statOf(path, lstatSync)
    if (stat === undefined || stat.isSymbolicLink()) return []
    const open = stat.isDirectory() ? (stat.mode & 0o005) === 0o005 : (stat.mode & 0o004) !== 0
    if (!open) return [path]
    return stat.isDirectory() ? closedTo(path) : []
  })
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name))
  } catch {
    return []
  }
}

/** Where somebody listens: a folder that may not be written to keeps nobody from connecting to a socket in it. */
function socketsOfMachine(): string[] {
  const lines = readFileSync('/proc/net/unix', 'utf8').split('\n').slice(1)
  const paths = lines.map((line) => /^(?:\S+\s+){7}(\/.*)$/.exec(line)?.[1]).filter((path) => path !== undefined)
  return [...new Set(paths)]
    .map((path) => join(real(dirname(path)), path.slice(path.lastIndexOf('/') + 1)))
    .filter(isSocket)
}

const isSocket = (path: string) => statOf(path, lstatSync)?.isSocket() === true

function hidden(path: string): string[] {
  return statOf(path)?.isDirectory() === true ? ['--tmpfs', path] : ['--ro-bind', DEVICE, path]
}

function statOf(path: string, stat: (path: string) => Stats = statSync): Stats | undefined {
  try {
    return stat(path)
  } catch {
    return undefined
  }
}
