-- What a coordinator of schema 3 wrote: a study with measurements that has ended, one under way with a failed attempt and a
-- checkpoint, and one that is held.
PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE cohort (
    study        INTEGER NOT NULL REFERENCES study (number),
    number       INTEGER NOT NULL,
    runs         TEXT    NOT NULL,              -- JSON: [[trial, fold], …] in member order
    final_epochs INTEGER,                       -- NULL for cohorts of the search
    state        TEXT    NOT NULL,              -- ready, leased, done, failed, split
    attempt      INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    done_attempt INTEGER,                       -- the attempt that brought the results; may be an older one
    worker       TEXT,
    slot         INTEGER,
    error        TEXT, checkpoint_epoch INTEGER, checkpoint_digest TEXT, failed_kind TEXT, failed_attempt INTEGER, failed_worker TEXT, failed_unix_ms INTEGER,
    PRIMARY KEY (study, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "cohort" VALUES(1,0,'[[0,0],[0,1]]',NULL,'done',1,0,1,'w',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "cohort" VALUES(1,1,'[[0,2]]',2,'done',1,0,1,'w',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "cohort" VALUES(2,0,'[[0,0],[0,1]]',NULL,'done',1,0,1,'w',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "cohort" VALUES(2,1,'[[1,0],[1,1]]',NULL,'leased',2,1,NULL,'w',0,'Crash',1,'543855244a8c8af9b447b3859148cb11d104af080c61bece0e4be63b5d6ab668','crash',1,'w',1000000);
INSERT INTO "cohort" VALUES(2,2,'[[2,0],[2,1]]',NULL,'leased',1,0,NULL,'w',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "cohort" VALUES(2,3,'[[3,0],[3,1]]',NULL,'ready',0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE last_study (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    number   INTEGER NOT NULL
) STRICT;
INSERT INTO "last_study" VALUES(1,3);
CREATE TABLE measurement (
    study            INTEGER NOT NULL,
    trial            INTEGER NOT NULL,
    fold             INTEGER NOT NULL,
    measurements     TEXT    NOT NULL,          -- JSON
    snapshots_digest TEXT,                      -- NULL where no copies were asked for
    PRIMARY KEY (study, trial, fold),
    FOREIGN KEY (study, trial, fold) REFERENCES run (study, trial, fold)
) STRICT;
INSERT INTO "measurement" VALUES(1,0,0,'{"snapshots":{"digest":"3693715f489bd132a87d2e322c9e6d519e1df977f7d0cf6f0c9bf391a09e1700","epochs":[1,2],"weights":1}}','3693715f489bd132a87d2e322c9e6d519e1df977f7d0cf6f0c9bf391a09e1700');
INSERT INTO "measurement" VALUES(1,0,1,'{"snapshots":{"digest":"1af65e48f46d3561a971926f443d6c1f8a6c1bca04ef4e17047e1acd5c6b207f","epochs":[1,2],"weights":1}}','1af65e48f46d3561a971926f443d6c1f8a6c1bca04ef4e17047e1acd5c6b207f');
INSERT INTO "measurement" VALUES(1,0,2,'{"snapshots":{"digest":"3254a78e5182eeebc8a7620bba02c6e6b0eed24002abdf8dee1b10068bacdb1c","epochs":[1,2],"weights":1}}','3254a78e5182eeebc8a7620bba02c6e6b0eed24002abdf8dee1b10068bacdb1c');
CREATE TABLE refinery_schema_history(
             version int4 PRIMARY KEY,
             name VARCHAR(255),
             applied_on VARCHAR(255),
             checksum VARCHAR(255));
INSERT INTO "refinery_schema_history" VALUES(1,'studies','2026-11-21T17:50:55.379546896Z','10561892255183459117');
INSERT INTO "refinery_schema_history" VALUES(2,'operations','2026-11-21T17:50:55.379578243Z','12662634442208533999');
INSERT INTO "refinery_schema_history" VALUES(3,'measurements','2026-11-21T17:50:55.379580978Z','16949564210934410009');
CREATE TABLE run (
    study          INTEGER NOT NULL REFERENCES study (number),
    trial          INTEGER NOT NULL,
    fold           INTEGER NOT NULL,            -- the final stage counts as the one after the last
    attempt        INTEGER NOT NULL,
    worker         TEXT    NOT NULL,
    outcome        TEXT    NOT NULL,            -- JSON
    weights_digest TEXT,
    device_model   TEXT    NOT NULL,
    software       TEXT    NOT NULL,
    PRIMARY KEY (study, trial, fold)
) STRICT, WITHOUT ROWID;
INSERT INTO "run" VALUES(1,0,0,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.6,"train_accuracy":0.4,"val_loss":0.6,"val_accuracy":0.4,"lr":0.1},{"epoch":2,"train_loss":0.5,"train_accuracy":0.5,"val_loss":0.5,"val_accuracy":0.5,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,0,1,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.599,"train_accuracy":0.401,"val_loss":0.599,"val_accuracy":0.401,"lr":0.1},{"epoch":2,"train_loss":0.499,"train_accuracy":0.501,"val_loss":0.499,"val_accuracy":0.501,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,0,2,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.598,"train_accuracy":0.402,"val_loss":0.598,"val_accuracy":0.402,"lr":0.1},{"epoch":2,"train_loss":0.498,"train_accuracy":0.502,"val_loss":0.498,"val_accuracy":0.502,"lr":0.1}],"seconds":1.0}','71d701b2e266f97635ec62e62c9dabbd5c153ac6b9b8da115ec06ec486e63673','test','test');
INSERT INTO "run" VALUES(2,0,0,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.6,"train_accuracy":0.4,"val_loss":0.6,"val_accuracy":0.4,"lr":0.1},{"epoch":2,"train_loss":0.5,"train_accuracy":0.5,"val_loss":0.5,"val_accuracy":0.5,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(2,0,1,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.599,"train_accuracy":0.401,"val_loss":0.599,"val_accuracy":0.401,"lr":0.1},{"epoch":2,"train_loss":0.499,"train_accuracy":0.501,"val_loss":0.499,"val_accuracy":0.501,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
CREATE TABLE study (
    number          INTEGER PRIMARY KEY,
    request_id      TEXT    NOT NULL UNIQUE,
    spec_text       TEXT    NOT NULL,
    spec            TEXT    NOT NULL,           -- canonical JSON
    rows            TEXT    NOT NULL,           -- JSON: shape, classes, train_rows, test_rows
    sizes           TEXT    NOT NULL,           -- JSON: [[train, validation], …] by fold
    data_digest     TEXT    NOT NULL,
    folds_digest    TEXT    NOT NULL,
    created_unix_ms INTEGER NOT NULL,
    device          TEXT,                       -- NULL until planned
    ended_as        TEXT,                       -- NULL while it goes on
    ended_message   TEXT,
    ended_unix_ms   INTEGER
, paused INTEGER NOT NULL DEFAULT 0, earlier_specs TEXT NOT NULL DEFAULT '[]') STRICT;
INSERT INTO "study" VALUES(1,'one','name = "scene"
[data]
dataset = "fashion-mnist"
train_rows = 300
[validation]
k_fold = { folds = 2 }
[network]
mlp = { hidden = [8] }
[train]
epochs = 2
batch_size = 100
optimizer = { kind = "sgd" }
[space]
"train.optimizer.lr" = [0.0010]
[plan]
width = 2
[measure]
snapshots = { every = 1 }
','{"name":"scene","seed":0,"data":{"dataset":"fashion-mnist","train_rows":300},"validation":{"k_fold":{"folds":2,"shuffle":true,"seed":0}},"network":{"mlp":{"hidden":[8],"activation":"relu","batch_norm":false,"dropout":0.0},"init":"pytorch"},"train":{"epochs":2,"batch_size":100,"optimizer":{"kind":"sgd","lr":0.001},"schedule":"constant","order":"shuffled","common_random_numbers":true},"space":{"train.optimizer.lr":[0.001]},"measure":{"snapshots":{"every":1}},"selection":{"epoch":"best","allow_failed_folds":false},"final":{},"limits":{"attempts":3},"plan":{"width":2}}','{"shape":[1,28,28],"classes":10,"targets":1,"train_rows":300,"test_rows":10000}','[[150,150],[150,150]]','1c71512965f4449608c726e145754ccd64848df0f351fca2ffef207ec4953e45','ab51d34a7c21c53086da3bcd3a790be70c6d148ec17963928a275682aaca9bca',1000000,'cpu','succeeded','',1000000,0,'[]');
INSERT INTO "study" VALUES(2,'two','name = "scene"
[data]
dataset = "fashion-mnist"
train_rows = 300
[validation]
k_fold = { folds = 2 }
[network]
mlp = { hidden = [8] }
[train]
epochs = 2
batch_size = 100
optimizer = { kind = "sgd" }
[space]
"train.optimizer.lr" = [0.0010, 0.0020, 0.0030, 0.0040]
[plan]
width = 2
','{"name":"scene","seed":0,"data":{"dataset":"fashion-mnist","train_rows":300},"validation":{"k_fold":{"folds":2,"shuffle":true,"seed":0}},"network":{"mlp":{"hidden":[8],"activation":"relu","batch_norm":false,"dropout":0.0},"init":"pytorch"},"train":{"epochs":2,"batch_size":100,"optimizer":{"kind":"sgd","lr":0.001},"schedule":"constant","order":"shuffled","common_random_numbers":true},"space":{"train.optimizer.lr":[0.001,0.002,0.003,0.004]},"selection":{"epoch":"best","allow_failed_folds":false},"final":{},"limits":{"attempts":3},"plan":{"width":2}}','{"shape":[1,28,28],"classes":10,"targets":1,"train_rows":300,"test_rows":10000}','[[150,150],[150,150]]','1c71512965f4449608c726e145754ccd64848df0f351fca2ffef207ec4953e45','ab51d34a7c21c53086da3bcd3a790be70c6d148ec17963928a275682aaca9bca',1000000,'cpu',NULL,NULL,NULL,0,'[]');
INSERT INTO "study" VALUES(3,'three','name = "scene"
[data]
dataset = "fashion-mnist"
train_rows = 300
[validation]
k_fold = { folds = 2 }
[network]
mlp = { hidden = [8] }
[train]
epochs = 2
batch_size = 100
optimizer = { kind = "sgd" }
[space]
"train.optimizer.lr" = [0.0010, 0.0020]

','{"name":"scene","seed":0,"data":{"dataset":"fashion-mnist","train_rows":300},"validation":{"k_fold":{"folds":2,"shuffle":true,"seed":0}},"network":{"mlp":{"hidden":[8],"activation":"relu","batch_norm":false,"dropout":0.0},"init":"pytorch"},"train":{"epochs":2,"batch_size":100,"optimizer":{"kind":"sgd","lr":0.001},"schedule":"constant","order":"shuffled","common_random_numbers":true},"space":{"train.optimizer.lr":[0.001,0.002]},"selection":{"epoch":"best","allow_failed_folds":false},"final":{},"limits":{"attempts":3},"plan":{}}','{"shape":[1,28,28],"classes":10,"targets":1,"train_rows":300,"test_rows":10000}','[[150,150],[150,150]]','1c71512965f4449608c726e145754ccd64848df0f351fca2ffef207ec4953e45','ab51d34a7c21c53086da3bcd3a790be70c6d148ec17963928a275682aaca9bca',1000000,NULL,NULL,NULL,NULL,1,'[]');
CREATE INDEX measurement_snapshots ON measurement (study, trial, fold, snapshots_digest)
    WHERE snapshots_digest IS NOT NULL;
COMMIT;
