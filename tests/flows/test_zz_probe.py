import json, pytest
from tests.flows.test_commands import *
from tests.flows.route import *
@pytest.mark.usefixtures("worker")
def test_probe(cast, land, trainee, tmp_path, capsys, settings, vault_dir):
    let_act(trainee, cast.anna.user)
    settings.IMAGERY_ROOTS=[land.folder]; walk(*land.items.values())
    model = vault_dir/"models"/(TrainedModel.objects.get().sha256+".penumbra")
    good=land.labels
    def f(name, text):
        p=tmp_path/name
        p.write_bytes(text if isinstance(text,bytes) else text.encode()); return p
    broken=f("b.penumbra", model.read_bytes()[:-100])
    tampered=bytearray(model.read_bytes()); tampered[len(tampered)//2]^=1; tampered=f("t.penumbra", bytes(tampered))
    head="cell_row,cell_col,label\n"
    cases=[
     ("ingest", f("x.json","{")), ("ingest", f("e.json","{}")), ("ingest", f("l.json","[]")), ("ingest", tmp_path), ("ingest", land.labels),
     ("ingest", f("bin.json", b"\xff\xfe\x00")), ("ingest", f("n.json",'{"type":"Catalog","links":[{"rel":"item","href":"./no.json"}]}')),
     ("ingest", f("i.json",'{"type":"Feature","id":"x"}')), ("ingest", f("w.json",'{"type":"Catalog","links":[{"rel":"item","href":"http://127.0.0.1:1/no.json"}]}')),
     ("ingest", f("deep.json", '{"a":'+'['*100000)),
     ("ingest", land.catalog, "--wait", "--timeout", "-1"),
     *[("train_model","--labels",p) for p in (f("nocol.csv","a,b\n1,2\n"), f("empty.csv",""), f("head.csv",head), f("bad.csv",head+"1,2,gold\n"), f("float.csv",head+"1.5,2,none\n"), f("bin.csv",b"\xff\xfe\x00\x01"), f("nul.csv",head+"1,\0,none\n"), tmp_path, f("far.csv",head+"1,2,none\n1,3,artisanal\n"), f("one.csv",head+"9213,20005,artisanal\n"), f("big.csv", head+'9213,20005,"'+"x"*200000+'"\n'), f("date.csv","cell_row,cell_col,label,observed_to\n9213,20005,none,yesterday\n"))],
     *[("train_model","--labels",good,*w) for w in (("--patches","0"),("--patches","-3"),("--patches","99999999"),("--seed","-1"),("--block-deg","0.013"),("--block-deg","-1"),("--block-deg","0"),("--block-deg","nan"),("--block-deg","50"),("--min-valid-share","5"),("--min-valid-share","-1"),("--min-valid-share","nan"),("--sensor","landsat"),("--activate-by","rosa"),("--activate-by","nobody"))],
     *[("evaluate_model","--model",m,"--catalog",land.catalog,"--labels",good) for m in (broken,tampered,good,"nobody","active2","0"*64,tmp_path)],
     ("evaluate_model","--model","active","--catalog",tmp_path,"--labels",good),
     ("evaluate_model","--model","active","--catalog",tmp_path/"no","--labels",good),
     ("evaluate_model","--model","active","--catalog",good,"--labels",good),
     ("evaluate_model","--model","active","--catalog",land.catalog,"--labels",tmp_path/"no"),
     ("evaluate_model","--model","active","--catalog",land.catalog,"--labels",f("far2.csv",head+"1,2,none\n1,3,artisanal\n")),
     ("evaluate_model","--model","active","--catalog",land.catalog,"--labels",good,"--scores",tmp_path/"no"/"x.csv"),
     ("evaluate_model","--model","active","--catalog",land.catalog,"--labels",good,"--scores",tmp_path),
     ("evaluate_model","--model","active","--catalog",land.catalog,"--labels",good,"--min-valid-share","7"),
     ("evaluate_model","--model","active","--catalog",land.catalog,"--labels",f("onecls.csv",head+"9213,20005,artisanal\n")),
     ("evaluate_model","--model","active","--catalog",land.catalog,"--labels",f("onecls2.csv",head+"9213,20001,none\n")),
     ("issue_token","nobody"),("issue_token",""),("issue_token","a\0b"),("issue_token","rosa","--label","x"*500),
     ("seed_demo","--catalog",tmp_path/"no"),("seed_demo","--catalog",good),("seed_demo","--catalog",f("e2.json","{}")),
     ("publish_release",),("publish_release",),("publish_release","--if-changed"),
    ]
    import time
    from django.db import transaction
    out=[]
    for words in [w for w in cases if w[0]=="train_model"]:
        capsys.readouterr(); t=time.time()
        try:
            with transaction.atomic():
                call_command(*map(str,words),"--json"); 
                transaction.set_rollback(words[0]!="publish_release")
            r="OK "+capsys.readouterr().out[:150].replace("\n"," ")
        except CommandError as e: r="CE "+str(e)+ " ||| "+capsys.readouterr().out[:100]
        except SystemExit as e: r="EXIT %s"%e.code
        except BaseException as e: r="!!! %s %s"%(type(e).__name__, str(e)[:200])
        out.append("%-110s %.1f %s"%(" ".join(str(w)[-40:] for w in words),time.time()-t,r))
    open("/tmp/rel/probe.txt","w").write("\n".join(out))
