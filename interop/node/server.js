// The server under test: examples/snapshots/server, in a process of its own.
import {execFileSync, spawn} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

const scratch = mkdtempSync(join(tmpdir(), 'interop-'));
process.on('exit', () => rmSync(scratch, {recursive: true, force: true}));

const program = join(scratch, 'server');
execFileSync('go', ['build', '-buildvcs=false', '-o', program, './examples/snapshots/server'], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
});

let servers = 0;

// start runs a server with a store of its own until the test ends, and answers
// its address and a folder with one file of so many bytes.
export async function start(t, size) {
  const dir = join(scratch, `${++servers}`);
  const folder = join(dir, 'volume');
  const file = join(folder, 'file');
  mkdirSync(folder, {recursive: true});
  writeFileSync(file, Buffer.alloc(size));
  const server = spawn(program, ['-addr', 'localhost:0', '-store', 'memory', '-dir', join(dir, 'snapshots')], {
    env: {...process.env, TMPDIR: dir},
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise(resolve => server.on('close', resolve));
  t.after(() => {
    server.kill('SIGKILL');
    return ended;
  });
  for await (const line of createInterface({input: server.stdout})) {
    const found = /^serving gRPC on (\S+):(\d+),/.exec(line);
    if (found) {
      server.stdout.resume(); // so that the server never blocks on its output
      return {host: found[1], port: Number(found[2]), folder, file};
    }
  }
  throw new Error('the server ended before it said where it serves gRPC');
}
