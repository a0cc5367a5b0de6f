// Containers with this machine's own programs in them, so that no registry is asked for an image.
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Engines whose networks end on this machine. Those of Docker Desktop and of users without root end in another. */
const engine = ['docker', 'podman'].find((name) => {
  const { status, stdout } = spawnSync(name, ['info', '--format', '{{json .}}'], { encoding: 'utf8', timeout: 10_000 })
  return status === 0 && !/Docker Desktop|name=rootless|"rootless":\s?true/.test(stdout)
})

/** Why no containers can be had here; undefined where they can. */
export function noContainers(): string | undefined {
  if (process.platform !== 'linux') return 'containers that share the kernel of the tests want Linux'
  if (!/^(?:unix:.*)?$/.test(process.env.DOCKER_HOST ?? '')) return 'the engine of containers is on another machine'
  if (engine === undefined) return 'no engine of containers runs here: docker, or podman as root'
  try {
    using some = new Containers([])
    const { status, stderr } = spawnSync(engine, some.command(['true']), { encoding: 'utf8', timeout: 60_000 })
    return status === 0 ? undefined : `${engine} cannot run a container here: ${stderr.trim()}`
  } catch (error) {
    return `${engine} cannot make an image here: ${(error as Error).message}`
  }
}

export interface RanInside {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Has an image that is empty but for a folder. Only where `noContainers()` says nothing. */
export class Containers implements Disposable {
  readonly #engine = engine!
  readonly #name = `claviger-test-${randomBytes(6).toString('hex')}`
  readonly #mounts: readonly string[]
  #count = 0

  /** `shown`: files and folders that the containers see, to read, where they are. */
  constructor(shown: readonly string[]) {
    const own = ['/usr', '/bin', '/lib', '/lib64', process.execPath].filter((path) => existsSync(path))
    this.#mounts = [...own, ...shown].flatMap((path) => ['-v', `${path}:${path}:ro`])
    const folder = mkdtempSync(join(tmpdir(), 'claviger-image-'))
    const tar = execFileSync('tar', ['-C', folder, '-c', '.'])
    execFileSync(this.#engine, ['import', '-', this.#name], { input: tar, stdio: ['pipe', 'ignore', 'pipe'] })
    rmSync(folder, { recursive: true })
  }

  /** The range of addresses of the network that containers are on if nothing is said. */
  get range(): string {
    const [network, where] = this.#engine === 'docker' ? ['bridge', '.IPAM.Config'] : ['podman', '.Subnets']
    const asked = ['network', 'inspect', network!, '--format', `{{(index ${where} 0).Subnet}}`]
    return execFileSync(this.#engine, asked, { encoding: 'utf8' }).trim()
  }

  /** What the engine is told. */
  command(args: readonly string[], env: Readonly<Record<string, string>> = {}): string[] {
    const given = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`])
    // As much as any machine grants: podman asks for more than some do.
    const limits = ['--security-opt', 'label=disable', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096']
    const name = `${this.#name}-${this.#count++}`
    return ['run', '--rm', '--name', name, ...limits, ...this.#mounts, ...given, this.#name, ...args]
  }

  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<RanInside> {
    return new Promise((resolve) => {
      execFile(this.#engine, this.command(args, env), { timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
      )
    })
  }

  [Symbol.dispose](): void {
    // Those whose time was over may be there still.
    const names = Array.from({ length: this.#count }, (_, one) => `${this.#name}-${one}`)
    if (names.length > 0) spawnSync(this.#engine, ['rm', '-f', ...names])
    spawnSync(this.#engine, ['rmi', '-f', this.#name])
  }
}
