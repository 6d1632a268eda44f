// Google's client for Node, unchanged, against the snapshots server.
import assert from 'node:assert/strict';
import {truncateSync} from 'node:fs';
import {test} from 'node:test';

import gax from 'google-gax';

import {connect} from './client.js';
import {start} from './server.js';

const parent = 'projects/p1';
const volume = `${parent}/volumes/v1`;
const {Status} = gax;

// setup answers a client of a server whose volume has a file of so many bytes.
async function setup(t, size) {
  const server = await start(t, size);
  const client = await connect(t, server);
  const creation = await client.createVolume({parent, volumeId: 'v1', volume: {path: server.folder}});
  const [created] = await creation.promise();
  assert.equal(created.name, volume);
  return {client, file: server.file};
}

test('a promise answers the typed response and metadata', async t => {
  const {client} = await setup(t, 1000);
  const operation = await client.takeSnapshot({volume});
  const [response, metadata, raw] = await operation.promise();
  assert.equal(Number(response.bytes), 1000);
  assert.equal(Number(response.files), 1);
  assert.match(response.sha256, /^[0-9a-f]{64}$/);
  assert.equal(metadata.volume, volume);
  assert.equal(Number(metadata.bytesDone), 1000);
  assert.equal(raw.name, operation.name);
  assert.equal(raw.done, true);
});

test('progress events bear the metadata', async t => {
  const {client} = await setup(t, 3000);
  const operation = await client.takeSnapshot({volume, bytesPerSecond: 1000});
  const seen = [];
  operation.on('progress', metadata => {
    assert.equal(metadata.volume, volume);
    seen.push(Number(metadata.bytesDone));
  });
  const [response] = await operation.promise();
  assert.equal(Number(response.bytes), 3000);
  assert.ok(
    seen.some(bytes => bytes > 0 && bytes <= 3000),
    `progress in 3 seconds: got bytes ${JSON.stringify(seen)}, want some`
  );
  assert.deepEqual(seen, [...seen].sort((a, b) => a - b), 'progress never goes back');
});

test('another client goes on with the name', async t => {
  const {client} = await setup(t, 1000);
  const {name} = await client.takeSnapshot({volume, bytesPerSecond: 1000});
  const resumed = await client.resume(name);
  const [response] = await resumed.promise();
  assert.equal(Number(response.bytes), 1000);
});

test('cancel ends the operation with CANCELLED', async t => {
  const {client} = await setup(t, 1000);
  const operation = await client.takeSnapshot({volume, bytesPerSecond: 1});
  await operation.cancel();
  await assert.rejects(operation.promise(), {code: Status.CANCELLED, message: 'the operation was cancelled'});
  const [latest] = await client.operations.getOperation({name: operation.name});
  assert.equal(latest.done, true);
  assert.equal(latest.error.code, Status.CANCELLED);
});

test('a failure rejects with its code and message', async t => {
  const {client, file} = await setup(t, 1000);
  const operation = await client.takeSnapshot({volume, bytesPerSecond: 10});
  operation.on('progress', ({bytesDone}) => {
    if (Number(bytesDone) > 0) {
      truncateSync(file); // while it is read
    }
  });
  await assert.rejects(operation.promise(), {
    code: Status.FAILED_PRECONDITION,
    message: `file "file" of volume "${volume}" changed while it was archived`,
  });
});

test('a list is paged', async t => {
  const {client} = await setup(t, 1000);
  const want = [];
  for (let i = 0; i < 5; i++) {
    want.unshift((await client.takeSnapshot({volume, bytesPerSecond: 1})).name);
  }
  const got = [];
  const request = {name: parent, pageSize: 2};
  for await (const {name} of client.operations.listOperationsAsync(request, {autoPaginate: false})) {
    got.push(name);
  }
  assert.deepEqual(got.slice(0, -1), want, 'newest first, and the one that made the volume last');
  assert.equal(got.length, want.length + 1);
});

test('an error of the API bears its details', async t => {
  const {client} = await setup(t, 1000);
  const operation = await client.takeSnapshot({volume});
  await operation.promise();
  await client.operations.deleteOperation({name: operation.name});
  await assert.rejects(client.operations.getOperation({name: operation.name}), {
    code: Status.NOT_FOUND,
    reason: 'OPERATION_NOT_FOUND',
  });
  await assert.rejects(client.takeSnapshot({volume: `${parent}/volumes/none`}), {
    code: Status.NOT_FOUND,
    reason: 'NO_SUCH_VOLUME',
    domain: 'snapshots.example.com',
  });
});
